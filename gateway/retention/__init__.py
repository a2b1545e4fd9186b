"""How long things are kept, and how they are destroyed: proposed, agreed to by two, and no hole without its entry."""
