"""The parts of lessons, of presenting them, and of the audience that follows."""
