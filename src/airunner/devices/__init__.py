"""What this machine is: its devices and how much of each may be used."""
