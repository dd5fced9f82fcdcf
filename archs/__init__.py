"""The zoo: one paper (family) a file, each network described once, as a value. No torch, no arithmetic beyond the papers'."""
