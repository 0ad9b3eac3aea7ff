"""What humans decide: process definitions, task instances, decisions and the intents that follow."""
