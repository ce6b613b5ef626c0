// Bounded, end to end: what leaves is what entered, in that order.
module formal_top(
    input clock, input reset, input s_valid, input [7:0] s_data, input m_ready
);
    wire s_ready, m_valid;
    wire [7:0] m_data;
    wire [2:0] occupancy;
    fifo_4 unit(
        .clock(clock), .reset(reset), .s_valid(s_valid), .s_data(s_data), .m_ready(m_ready),
        .s_ready(s_ready), .m_valid(m_valid), .m_data(m_data), .occupancy(occupancy)
    );
    reg [7:0] expected [0:15];
    reg [3:0] entry = 0;
    reg [3:0] exit = 0;
    always @(posedge clock) begin
        if (reset) begin
            entry <= 0;
            exit <= 0;
        end else begin
            if (s_valid && s_ready) begin
                expected[entry] <= s_data;
                entry <= entry + 1;
            end
            if (m_valid && m_ready) exit <= exit + 1;
        end
    end
    always @(*) if (m_valid) assert (m_data == expected[exit]);
endmodule
