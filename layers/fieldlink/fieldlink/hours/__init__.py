"""What a person's day adds up to: work, travel, and what stands of them on time sheets."""
