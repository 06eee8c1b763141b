"""Surface tenancy: a session acts for one tenant that its login is entitled to, and reaches no other's rows."""
