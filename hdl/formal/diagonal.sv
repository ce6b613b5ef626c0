// For all canonical words in every cycle, all twelve entries of the diagonal ±m / 2^k: the product u two cycles later is
// congruent to the entry times the word. That is, 2^k u = m (j p ± x), the j being the one for which 2^k divides the right side:
// p is 1 modulo 8.
module entry #(parameter NEGATIVE = 0, parameter MULTIPLE = 1, parameter HALVINGS = 0)
    (input is_due, input [63:0] x, input [65:0] u);
    localparam [67:0] P = 68'hffffffff00000001;
    wire [3:0] low = {1'b0, x[2:0]} & ((1 << HALVINGS) - 1);
    wire [3:0] j = NEGATIVE ? (low == 0 ? 1 << HALVINGS : low) : (low == 0 ? 0 : (1 << HALVINGS) - low);
    wire [67:0] shifted = NEGATIVE ? j * P - x : j * P + x;
    always @(*) if (is_due) assert (({4'b0, u} << HALVINGS) == MULTIPLE * {2'b0, shifted});
endmodule

module formal_top(input clock, input [63:0] x);
    localparam [63:0] P = 64'hffffffff00000001;
    reg [63:0] x_1, x_2;
    reg [1:0] age = 0;
    always @(posedge clock) begin
        x_1 <= x;
        x_2 <= x_1;
        if (age != 2) age <= age + 1;
    end
    wire is_due = age == 2;
    always @(*) begin
        assume (x < P);
        // In the step of the induction the words under way are arbitrary canonical ones.
        assume (x_1 < P || age < 1);
        assume (x_2 < P || age < 2);
    end
    wire [65:0] u0, u1, u2, u3, u4, u5, u6, u7, u8, u9, u10, u11;
    poseidon2_3$internal$diagonal$0 d0(.clock(clock), .x(x), .u(u0));
    poseidon2_3$internal$diagonal$1 d1(.clock(clock), .x(x), .u(u1));
    poseidon2_3$internal$diagonal$2 d2(.clock(clock), .x(x), .u(u2));
    poseidon2_3$internal$diagonal$3 d3(.clock(clock), .x(x), .u(u3));
    poseidon2_3$internal$diagonal$4 d4(.clock(clock), .x(x), .u(u4));
    poseidon2_3$internal$diagonal$5 d5(.clock(clock), .x(x), .u(u5));
    poseidon2_3$internal$diagonal$6 d6(.clock(clock), .x(x), .u(u6));
    poseidon2_3$internal$diagonal$7 d7(.clock(clock), .x(x), .u(u7));
    poseidon2_3$internal$diagonal$8 d8(.clock(clock), .x(x), .u(u8));
    poseidon2_3$internal$diagonal$9 d9(.clock(clock), .x(x), .u(u9));
    poseidon2_3$internal$diagonal$10 d10(.clock(clock), .x(x), .u(u10));
    poseidon2_3$internal$diagonal$11 d11(.clock(clock), .x(x), .u(u11));
    entry #(1, 2, 0) e0(is_due, x_2, u0);
    entry #(0, 1, 0) e1(is_due, x_2, u1);
    entry #(0, 2, 0) e2(is_due, x_2, u2);
    entry #(0, 1, 1) e3(is_due, x_2, u3);
    entry #(0, 3, 0) e4(is_due, x_2, u4);
    entry #(0, 4, 0) e5(is_due, x_2, u5);
    entry #(1, 1, 1) e6(is_due, x_2, u6);
    entry #(1, 3, 0) e7(is_due, x_2, u7);
    entry #(1, 4, 0) e8(is_due, x_2, u8);
    entry #(0, 1, 2) e9(is_due, x_2, u9);
    entry #(1, 1, 2) e10(is_due, x_2, u10);
    entry #(0, 1, 3) e11(is_due, x_2, u11);
endmodule
