"""Who may be written to: the contact store, its imports, segments and waterfalls."""
