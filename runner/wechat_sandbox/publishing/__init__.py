"""Publications (发布): articles made public without a push to followers."""
