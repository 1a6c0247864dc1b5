"""The promises of the README, each tried from outside."""
