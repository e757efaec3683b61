"""The only code of a workflow with side effects: one class for each capability."""
