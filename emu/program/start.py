"""What a program in Python begins and ends with: `_start`, its arguments, the line of one that goes wrong.

As LLVM's text, since little of it is Python.  When a program starts, sp is the address of argc, argv and so on (System
V ABI for RISC-V), and the frame of `_start` begins there, whatever it then puts below.  The program's first function
gets the arguments as integers, and its result is the exit status.
memset and the like are called by code that LLVM makes of loops.
"""

from ..hot.guest_build import FAIL, MAIN
from .memory import peek_byte, wrong

INTEGER = "emu.integer"
KEPT = ("_start", FAIL, MAIN, INTEGER, "memset", "memcpy", "memmove")

_TEXT = """
define void @_start() noreturn {{
  %sp = call ptr @llvm.frameaddress.p0(i32 0)
  %argc = load i64, ptr %sp
  %right = icmp eq i64 %argc, {argc}
  br i1 %right, label %begin, label %end
end:
  call void @{FAIL}(ptr @emu.expected, i64 {expected_bytes})
  unreachable
begin:
{arguments}
  %status = call i64 @{MAIN}({values})
  call i64 @emu.call(i64 %status, i64 0, i64 0, i64 0, i64 0, i64 0, i64 0, i64 94)
  unreachable
}}
@emu.expected = private constant [{expected_bytes} x i8] c"{expected}"
declare i64 @{MAIN}({kinds})
declare i64 @{INTEGER}(ptr)
declare i64 @emu.call(i64, i64, i64, i64, i64, i64, i64, i64)
declare ptr @llvm.frameaddress.p0(i32)

define void @{FAIL}(ptr %text, i64 %bytes) noinline noreturn {{
  %address = ptrtoint ptr %text to i64
  call i64 @emu.call(i64 2, i64 %address, i64 %bytes, i64 0, i64 0, i64 0, i64 0, i64 64)
  call i64 @emu.call(i64 1, i64 0, i64 0, i64 0, i64 0, i64 0, i64 0, i64 94)
  unreachable
}}
define ptr @memset(ptr %to, i32 %value, i64 %count) #0 {{
entry:
  %byte = trunc i32 %value to i8
  br label %next
next:
  %n = phi i64 [0, %entry], [%more, %set]
  %done = icmp eq i64 %n, %count
  br i1 %done, label %end, label %set
set:
  %at = getelementptr i8, ptr %to, i64 %n
  store i8 %byte, ptr %at
  %more = add i64 %n, 1
  br label %next
end:
  ret ptr %to
}}
define ptr @memmove(ptr %to, ptr %from, i64 %count) #0 {{
entry:
  %before = icmp ult ptr %to, %from
  %last = sub i64 %count, 1
  br label %next
next:
  %n = phi i64 [0, %entry], [%more, %copy]
  %done = icmp eq i64 %n, %count
  br i1 %done, label %end, label %copy
copy:
  %back = sub i64 %last, %n
  %k = select i1 %before, i64 %n, i64 %back
  %source = getelementptr i8, ptr %from, i64 %k
  %target = getelementptr i8, ptr %to, i64 %k
  %byte = load i8, ptr %source
  store i8 %byte, ptr %target
  %more = add i64 %n, 1
  br label %next
end:
  ret ptr %to
}}
define ptr @memcpy(ptr %to, ptr %from, i64 %count) #0 {{
  %same = call ptr @memmove(ptr %to, ptr %from, i64 %count) #0
  ret ptr %same
}}
attributes #0 = {{ noinline "no-builtins" }}
"""


def runtime(name, arity):
    """The text, for a program whose first function takes so many integers."""
    arguments = []
    for k in range(arity):
        arguments += [
            f"  %at{k} = getelementptr i64, ptr %sp, i64 {k + 2}",
            f"  %text{k} = load ptr, ptr %at{k}",
            f"  %value{k} = call i64 @{INTEGER}(ptr %text{k})",
        ]
    expected = f"emu: {name}: expected {arity} arguments, all integers\n".encode(errors="replace")
    return _TEXT.format(
        FAIL=FAIL, MAIN=MAIN, INTEGER=INTEGER, argc=arity + 1, arguments="\n".join(arguments),
        values=", ".join(f"i64 %value{k}" for k in range(arity)), kinds=", ".join(["i64"] * arity),
        expected="".join(f"\\{byte:02x}" for byte in expected), expected_bytes=len(expected),
    )  # fmt: skip


def integer(text):
    """The integer that the decimal digits at an address say, perhaps with a minus."""
    negative = peek_byte(text) == 45
    at = text + 1 if negative else text
    value = 0
    digit = peek_byte(at) - 48
    if digit < 0 or digit > 9:
        wrong("an argument is no integer")
    while digit >= 0 and digit <= 9:
        value = value * 10 + digit
        at += 1
        digit = peek_byte(at) - 48
    if digit != -48:
        wrong("an argument is no integer")
    return -value if negative else value
