"""What a network costs on this machine: a protocol of rounds, its statistics, and the processes that it runs in."""
