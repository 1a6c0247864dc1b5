"""The report: five questions to an export, drawn on one page that needs nothing else."""
