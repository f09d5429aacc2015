"""What `machine.threads()` tells."""

from tests.systems.guests import build_guest


def test_threads_are_listed_with_the_names_that_they_gave_themselves(boot, seed, tmp_path):
    text = """
    #include <sys/prctl.h>
    static void *named(void *name) { prctl(PR_SET_NAME, name); for (;;) nap(1000000); }
    int main(void) {
        pthread_t thread;
        pthread_create(&thread, NULL, named, "helper");
        for (;;) nap(1000000);
    }
    """
    with boot(2, seed=seed) as machine:
        job = machine.spawn(build_guest(tmp_path, text, "a-guest-with-a-long-name"))
        while sorted(thread.name for thread in machine.threads(job)) != ["a-guest-with-a-", "helper"]:
            assert not job.done
        machine.kill(job)
        machine.run()
