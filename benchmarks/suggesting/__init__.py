"""What is proposed in generated homes: whether it was planted, and whether its forecast comes true."""
