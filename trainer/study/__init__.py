"""Published studies run again on any data set in our contract, cell by cell, in one command.

A figure of ours always stands under the name of the data it was measured on; published figures stand in columns of their own.
"""
