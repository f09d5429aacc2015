"""The documentation and what makes its pages. A package, so that tests can import the generators and the labs."""
