"""What Linux on riscv64 fixes: numbers and words that guests know, each written down once."""
