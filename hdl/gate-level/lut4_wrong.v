// A table of which one bit is wrong while `is_wrong`: what the check must find.
module LUT4_WRONG #(
    parameter [15:0] INIT = 0,
    parameter [3:0] BIT = 0
) (
    input A, B, C, D, is_wrong,
    output Z
);
    wire right;
    LUT4 #(.INIT(INIT)) table_(.A(A), .B(B), .C(C), .D(D), .Z(right));
    assign Z = right ^ (is_wrong && {D, C, B, A} == BIT);
endmodule
