"""The client side of encrypted records: what an application does before it hands personal data to the database."""
