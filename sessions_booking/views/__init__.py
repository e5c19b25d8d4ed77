"""Pages of sessions: choosing a therapist, one's sessions, the practice, its hours."""
