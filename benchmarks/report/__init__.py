"""From records to tables and one page; inline drawings by hand, so that a robot without a plotting library draws them too."""
