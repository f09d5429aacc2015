/* A buffer appends another one: its length is read under one hold of the lock, its bytes under the next. */
#include "shape.h"
struct buffer { pthread_mutex_t lock; int length; char bytes[16]; };
static struct buffer from = {PTHREAD_MUTEX_INITIALIZER, 4, "text"}, to = {PTHREAD_MUTEX_INITIALIZER, 0, ""};
static int length_of(struct buffer *b) { LOCK(b->lock); int n = b->length; UNLOCK(b->lock); return n; }
static void copy(struct buffer *b, int count, char *at) {
    LOCK(b->lock); CHECK(count <= b->length); for (int n = 0; n < count; n++) at[n] = b->bytes[n]; UNLOCK(b->lock);
}
static void *append(void *u) {
    LOCK(to.lock);
    int count = length_of(&from);
    copy(&from, count, to.bytes + to.length); to.length += count;
    UNLOCK(to.lock);
    return u;
}
static void *erase(void *u) { LOCK(from.lock); from.length = 0; UNLOCK(from.lock); return u; }
int main(void) { TOGETHER(append, erase); return 0; }
