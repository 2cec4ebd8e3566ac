-- Results by their serial, for who asks for those since a number.
CREATE UNIQUE INDEX results_serial ON results (serial);
