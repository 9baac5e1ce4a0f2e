"""What AI Runner remembers between runs: conversations, notes, facts and reminders, in SQLite."""
