"""The ISDN user part: formats (ITU-T Q.763), causes (Q.850) and call control (Q.764).

Reading order for the formats:

    parameter_codes   table 1: every parameter with its name and clause
    parameter         what a parameter is; how indicator bits are declared and read
    call_indicators, party_numbers, diversion, facilities, supervision, cause     the typed parameters, by theme
    parameters        all typed parameters behind one door
    message_table     table 2: every message with its mandatory and optional parameters
    messages          `Message`
    codec             octets <-> `Message`, driven by the two tables
"""
