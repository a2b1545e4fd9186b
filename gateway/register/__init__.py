"""The register: who takes part, in which regions, who may be found there, and what was agreed with gemeenten."""
