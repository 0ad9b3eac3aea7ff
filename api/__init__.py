"""How people and programs reach us: REST, the command line and the supervisor."""
