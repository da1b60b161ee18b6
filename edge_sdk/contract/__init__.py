"""The contract between server and robot: class list, preprocessing, graph interface, manifest, golden frames and metric.

The robot owns it and the trainer conforms to it. Nothing in here knows a camera, a runtime or a report.
"""
