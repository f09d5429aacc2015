"""Writing LLVM assembly: lines, labels, names that are unique, and how likely a branch is."""

NEVER = "!prof !0"  # the first way of a branch is hardly ever taken
ALWAYS = "!prof !1"
EVEN, OFTEN = "!prof !2", "!prof !3"  # branches of a guest forward, and backward
METADATA = """
!0 = !{!"branch_weights", i32 1, i32 4000}
!1 = !{!"branch_weights", i32 4000, i32 1}
!2 = !{!"branch_weights", i32 4, i32 5}
!3 = !{!"branch_weights", i32 7, i32 1}
"""


class Assembly:
    """The lines of a function. `outlying` come behind all others: what is rarely executed."""

    def __init__(self):
        self.lines, self.outlying, self._names = [], [], 0

    def say(self, line):
        self.lines.append(f"  {line}\n")

    def label(self, name):
        """A block begins."""
        self.lines.append(f"{name}:\n")

    def fresh(self):
        """A new name."""
        self._names += 1
        return f"n{self._names}"

    def define(self, code):
        """A new value; its name."""
        name = f"%{self.fresh()}"
        self.say(f"{name} = {code}")
        return name

    def at(self, base, offset):
        """A pointer a number of bytes behind another one."""
        return self.define(f"getelementptr i8, ptr {base}, i64 {offset}") if offset else base

    def branch_if(self, condition, then, other, weights):
        """End the block."""
        self.say(f"br i1 {condition}, label %{then}, label %{other}, {weights}")

    def go_to(self, label):
        """End the block."""
        self.say(f"br label %{label}")

    def block(self, name=None):
        """End the block by going on in a new one; its label."""
        name = name or self.fresh()
        self.go_to(name)
        self.label(name)
        return name

    def add_to(self, pointer, value):
        """Add to a word in memory, not atomically; the sum."""
        total = self.define(f"add i64 {self.define(f'load i64, ptr {pointer}')}, {value}")
        self.say(f"store i64 {total}, ptr {pointer}")
        return total
