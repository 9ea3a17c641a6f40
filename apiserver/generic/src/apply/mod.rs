//! Server-side apply: field sets, managers, conflicts.
