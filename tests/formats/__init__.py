"""Tests of the formats: records, fields, hostile inputs."""
