"""What a fact changes in Salesforce, written exactly once."""
