"""The parts of `plan`: one decision a send, quota, what a plan uses, a reviewed plan's file."""
