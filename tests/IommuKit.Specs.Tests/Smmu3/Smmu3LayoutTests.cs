using IommuKit.Specs.Smmu3;

namespace IommuKit.Specs.Tests.Smmu3;

/// <summary>
/// Where the fields of structures and commands are, by the tables of IHI 0070 (bits of the whole, most significant first). A field is read from its
/// bits, from all of them, and from no others. Public models took several from the wrong place: OpenVMM's STE from bit 77 on, and its addresses of
/// commands; qbox's VMID, STAG, TG and SCALE; Renode's SubstreamID of 19 bits and IPA of 43.
/// </summary>
public sealed class Smmu3LayoutTests
{
    private static readonly Dictionary<string, Field> Fields = new()
    {
        ["STE.V"] = Stream(0, 0, entry => Of(entry.IsValid)),
        ["STE.Config"] = Stream(3, 1, entry => (ulong)entry.Config),
        ["STE.S1Fmt"] = Stream(5, 4, entry => (ulong)entry.ContextFormat),
        ["STE.S1ContextPtr"] = Stream(55, 6, entry => entry.ContextTable >> 6),
        ["STE.S1CDMax"] = Stream(63, 59, entry => (ulong)entry.SubstreamBits),
        ["STE.S1DSS"] = Stream(65, 64, entry => (ulong)entry.DefaultSubstream),
        ["STE.PPAR"] = Stream(82, 82, entry => Of(entry.ResponsesCarryPasid)),
        ["STE.MEV"] = Stream(83, 83, entry => Of(entry.MergesEvents)),
        ["STE.S2FWB"] = Stream(89, 89, entry => Of(entry.ForcesWriteBack)),
        ["STE.S1STALLD"] = Stream(91, 91, entry => Of(entry.DisablesStalls)),
        ["STE.EATS"] = Stream(93, 92, entry => (ulong)entry.Ats),
        ["STE.STRW"] = Stream(95, 94, entry => (ulong)entry.World),
        ["STE.PRIVCFG"] = Stream(113, 112, entry => (ulong)entry.PrivilegeOverride),
        ["STE.INSTCFG"] = Stream(115, 114, entry => (ulong)entry.InstructionOverride),
        ["STE.S2VMID"] = Stream(143, 128, entry => entry.Vmid),
        ["STE.S2T0SZ"] = Stream(165, 160, entry => (ulong)entry.InputSize),
        ["STE.S2SL0"] = Stream(167, 166, entry => (ulong)entry.StartLevel & 3),
        ["STE.S2TG"] = Stream(175, 174, entry => (ulong)entry.Granule),
        ["STE.S2PS"] = Stream(178, 176, entry => (ulong)entry.OutputSize),
        ["STE.S2AA64"] = Stream(179, 179, entry => Of(entry.IsAarch64)),
        ["STE.S2ENDI"] = Stream(180, 180, entry => Of(entry.IsBigEndian)),
        ["STE.S2AFFD"] = Stream(181, 181, entry => Of(entry.IgnoresAccessFlag)),
        ["STE.S2PTW"] = Stream(182, 182, entry => Of(entry.ProtectsWalks)),
        ["STE.S2HD"] = Stream(183, 183, entry => Of(entry.SetsDirtyState)),
        ["STE.S2HA"] = Stream(184, 184, entry => Of(entry.SetsAccessFlag)),
        ["STE.S2S"] = Stream(185, 185, entry => Of(entry.Stalls)),
        ["STE.S2R"] = Stream(186, 186, entry => Of(entry.Records)),
        ["STE.S2SL0_2"] = Stream(194, 194, entry => (ulong)entry.StartLevel >> 2),
        ["STE.S2DS"] = Stream(195, 195, entry => Of(entry.IsWide)),
        ["STE.S2TTB"] = Stream(247, 196, entry => entry.Table >> 4),

        ["CD.T0SZ"] = Context(5, 0, context => (ulong)context.InputSize(isUpper: false)),
        ["CD.EPD0"] = Context(14, 14, context => Of(context.DisablesWalks(isUpper: false))),
        ["CD.ENDI"] = Context(15, 15, context => Of(context.IsBigEndian)),
        ["CD.T1SZ"] = Context(21, 16, context => (ulong)context.InputSize(isUpper: true)),
        ["CD.EPD1"] = Context(30, 30, context => Of(context.DisablesWalks(isUpper: true))),
        ["CD.V"] = Context(31, 31, context => Of(context.IsValid)),
        ["CD.IPS"] = Context(34, 32, context => (ulong)context.OutputSize),
        ["CD.AFFD"] = Context(35, 35, context => Of(context.IgnoresAccessFlag)),
        ["CD.WXN"] = Context(36, 36, context => Of(context.WriteExecuteNever)),
        ["CD.TBI0"] = Context(38, 38, context => Of(context.IgnoresTopByte(isUpper: false))),
        ["CD.TBI1"] = Context(39, 39, context => Of(context.IgnoresTopByte(isUpper: true))),
        ["CD.PAN"] = Context(40, 40, context => Of(context.PrivilegedAccessNever)),
        ["CD.AA64"] = Context(41, 41, context => Of(context.IsAarch64)),
        ["CD.HD"] = Context(42, 42, context => Of(context.SetsDirtyState)),
        ["CD.HA"] = Context(43, 43, context => Of(context.SetsAccessFlag)),
        ["CD.S"] = Context(44, 44, context => Of(context.Stalls)),
        ["CD.R"] = Context(45, 45, context => Of(context.Records)),
        ["CD.A"] = Context(46, 46, context => Of(context.Aborts)),
        ["CD.ASID"] = Context(63, 48, context => context.Asid),
        ["CD.HAD0"] = Context(65, 65, context => Of(context.DisablesTableLimits(isUpper: false))),
        ["CD.E0PD0"] = Context(66, 66, context => Of(context.DisablesUnprivileged(isUpper: false))),
        ["CD.HAFT"] = Context(67, 67, context => Of(context.SetsTableAccessFlag)),
        ["CD.TTB0"] = Context(119, 68, context => context.Table(isUpper: false) >> 4),
        ["CD.EPAN"] = Context(123, 123, context => Of(context.ExtendedPrivilegedAccessNever)),
        ["CD.HAD1"] = Context(129, 129, context => Of(context.DisablesTableLimits(isUpper: true))),
        ["CD.E0PD1"] = Context(130, 130, context => Of(context.DisablesUnprivileged(isUpper: true))),
        ["CD.TTB1"] = Context(183, 132, context => context.Table(isUpper: true) >> 4),
        ["CD.DS"] = Context(186, 186, context => Of(context.IsWide)),
        ["CD.MAIR"] = Context(255, 192, context => context.MemoryTypes),

        ["CMD.Opcode"] = Command(7, 0, command => (ulong)command.Code),
        ["CMD.Global"] = Command(9, 9, command => Of(command.IsGlobal)),
        ["CMD.SSec"] = Command(10, 10, command => Of(command.IsSecure)),
        ["CMD.SSV"] = Command(11, 11, command => Of(command.HasSubstream)),
        ["CMD.SubstreamID"] = Command(31, 12, command => command.SubstreamId),
        ["CMD.StreamID"] = Command(63, 32, command => command.StreamId),
        ["CFGI.Leaf"] = Command(64, 64, command => Of(command.IsLeaf)),
        ["CFGI.Range"] = Command(68, 64, command => (ulong)command.Range),
        ["TLBI.NUM"] = Command(16, 12, command => (ulong)command.Number),
        ["TLBI.SCALE"] = Command(25, 20, command => (ulong)command.Scale),
        ["TLBI.VMID"] = Command(47, 32, command => command.Vmid),
        ["TLBI.ASID"] = Command(63, 48, command => command.Asid),
        ["TLBI.TTL"] = Command(73, 72, command => (ulong)command.Level),
        ["TLBI.TG"] = Command(75, 74, command => (ulong)command.Granule),
        ["TLBI.Address"] = Command(127, 76, command => command.Address >> 12),
        ["ATC_INV.Size"] = Command(69, 64, command => (ulong)command.DeviceSize),
        ["PRI_RESP.PRGIndex"] = Command(72, 64, command => (ulong)command.PageGroup),
        ["PRI_RESP.Resp"] = Command(77, 76, command => (ulong)command.Response),
        ["RESUME.Ac"] = Command(12, 12, command => Of(command.IsRetry)),
        ["RESUME.Ab"] = Command(13, 13, command => Of(command.IsAbort)),
        ["RESUME.STAG"] = Command(79, 64, command => command.StallTag),
        ["SYNC.CS"] = Command(13, 12, command => (ulong)command.Signal),
        ["SYNC.MSIData"] = Command(63, 32, command => command.MessageData),
        ["SYNC.MSIAddress"] = Command(119, 66, command => command.MessageAddress >> 2),

        ["EVT.Type"] = Event(7, 0, record => (ulong)record.Type),
        ["EVT.SSV"] = Event(11, 11, record => Of(record.HasSubstream)),
        ["EVT.SubstreamID"] = Event(31, 12, record => record.SubstreamId),
        ["EVT.StreamID"] = Event(63, 32, record => record.StreamId),
        ["EVT.STAG"] = Event(79, 64, record => record.StallTag),
        ["EVT.Stall"] = Event(95, 95, record => Of(record.IsStall)),
        ["EVT.PnU"] = Event(97, 97, record => Of(record.IsPrivileged)),
        ["EVT.InD"] = Event(98, 98, record => Of(record.IsInstruction)),
        ["EVT.RnW"] = Event(99, 99, record => Of(record.IsRead)),
        ["EVT.S2"] = Event(103, 103, record => Of(record.IsStage2)),
        ["EVT.CLASS"] = Event(105, 104, record => (ulong)record.Class),
        ["EVT.InputAddr"] = Event(191, 128, record => record.Address),
        ["EVT.IPA"] = Event(247, 204, record => record.Ipa >> 12),
        ["EVT.FetchAddr"] = Event(247, 195, record => record.FetchAddress >> 3),

        ["L1STD.Span"] = new(4, 0, words => (ulong)new Smmu3StreamTableEntry(words[0]).Span),
        ["L1CD.V"] = new(0, 0, words => Of(new Smmu3ContextTableEntry(words[0]).IsValid)),
        ["L1CD.L2Ptr"] = new(55, 12, words => new Smmu3ContextTableEntry(words[0]).Table >> 12),
    };

    public static TheoryData<string> Names => [.. Fields.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void A_field_is_where_the_architecture_has_it(string name)
    {
        var field = Fields[name];
        for (int bit = 0; bit < 256; bit++)
        {
            ulong[] words = new ulong[4];
            words[bit / 64] = 1ul << (bit % 64);
            ulong expected = bit >= field.First && bit <= field.Last ? 1ul << (bit - field.First) : 0;
            field.Read(words).ShouldBe(expected, $"{name} of bit {bit}");
        }
    }

    /// <summary>A second level is aligned to its size: of one with 2^10 entries of 64 bytes, L2Ptr is read from bit 16 on. gem5 takes it from 5.</summary>
    [Theory]
    [InlineData(1, 6)]
    [InlineData(2, 7)]
    [InlineData(11, 16)]
    public void A_table_of_streams_is_aligned_to_its_size(int span, int firstBit)
    {
        ulong pointer = 0x00ff_ffff_ffff_ffe0ul | (uint)span;
        new Smmu3StreamTableEntry(pointer).Table.ShouldBe(0x00ff_ffff_ffff_fffful >> firstBit << firstBit);
    }

    /// <summary>TG0 and TG1 have encodings of their own: 0 is 4 KiB in one, and reserved in the other.</summary>
    [Fact]
    public void Granules_are_encoded_differently_in_the_two_halves()
    {
        Smmu3ContextDescriptor[] contexts = [.. Enumerable.Range(0, 4).Select(OfGranules)];
        contexts.Select(context => context.GranuleShift(isUpper: false)).ShouldBe([12, 16, 14, 0]);
        contexts.Select(context => context.GranuleShift(isUpper: true)).ShouldBe([0, 14, 12, 16]);
    }

    /// <summary>F_TLB_CONFLICT is 0x20 (OpenVMM: 0x14); of GBPA, ABORT is bit 20 (OpenVMM: 1); of CR2, E2H is bit 0 and RECINVSID 1 (OpenVMM: the
    /// other way round); the reason of a command error is in 30:24 of CONS (qbox: from 23 on).</summary>
    [Fact]
    public void Numbers_that_others_have_wrong()
    {
        ((int)Smmu3EventType.TlbConflict).ShouldBe(0x20);
        Smmu3Register.Bypass.Abort.ShouldBe(1u << 20);
        Smmu3Register.Control2Bits.Host.ShouldBe(1u);
        Smmu3Register.Control2Bits.RecordsBadStream.ShouldBe(2u);
        Smmu3Register.CommandErrorShift.ShouldBe(24);
    }

    private static Smmu3ContextDescriptor OfGranules(int code) => new((uint)((code << 6) | (code << 22)), 0, 0, 0);

    private static ulong Of(bool bit) => bit ? 1ul : 0;

    private static Field Stream(int last, int first, Func<Smmu3StreamEntry, ulong> read) =>
        new(last, first, words => read(new Smmu3StreamEntry(words[0], words[1], words[2], words[3])));

    private static Field Context(int last, int first, Func<Smmu3ContextDescriptor, ulong> read) =>
        new(last, first, words => read(new Smmu3ContextDescriptor(words[0], words[1], words[2], words[3])));

    private static Field Command(int last, int first, Func<Smmu3Command, ulong> read) =>
        new(last, first, words => read(new Smmu3Command(words[0], words[1])));

    private static Field Event(int last, int first, Func<Smmu3Event, ulong> read) =>
        new(last, first, words => read(new Smmu3Event(words[0], words[1], words[2], words[3])));

    private sealed record Field(int Last, int First, Func<ulong[], ulong> Read);
}
