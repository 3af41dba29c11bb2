"""What goes to whom and when: campaigns, settings, reports and the command line."""
