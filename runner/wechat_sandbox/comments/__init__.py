"""Comments (留言) that readers write below articles."""
