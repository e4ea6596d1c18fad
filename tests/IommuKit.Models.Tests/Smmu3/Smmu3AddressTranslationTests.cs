using IommuKit.Specs.Smmu3;

namespace IommuKit.Models.Tests.Smmu3;

/// <summary>GATOS: what it may change, and what it refuses (IHI 0070, chapter 9).</summary>
public sealed class Smmu3AddressTranslationTests
{
    private const ulong First = 1 << 10;
    private const ulong Second = 2 << 10;
    private const ulong Both = 3 << 10;
    private const ulong IsRead = 1 << 8;
    private const ulong InhibitsUpdates = 1 << 6;
    private const ulong Accessed = 1 << 10;
    private const ulong ReadOnly = 1 << 7;
    private const ulong DirtyModifier = 1ul << 51;

    private const ulong InvalidRequest = 1 | (0xff << 4);
    private const ulong InvalidStage = 1 | (0xfe << 4);

    private static ulong Ask(Smmu3Machine machine, ulong address, uint stream = Smmu3Machine.Device)
    {
        machine.Model.Write64(Smmu3Register.TranslationStream, stream);
        machine.Model.Write64(Smmu3Register.TranslationAddress, address);
        machine.Model.Write32(Smmu3Register.TranslationControl, 1);
        machine.Model.Read32(Smmu3Register.TranslationControl).ShouldBe(0u);
        return machine.Model.Read64(Smmu3Register.TranslationResult);
    }

    /// <summary>
    /// HTTUI inhibits the update of descriptors, and lets the answer be as if it had been made: a clean page is writable, an unused one is used.
    /// Without it they are updated as for a transaction.
    /// </summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void HTTUI_leaves_descriptors_alone(bool isInhibited)
    {
        using var machine = new Smmu3Machine();
        ulong root = machine.NewTable();
        const ulong fresh = 0x7000_0000 | (Smmu3Machine.ValidLeaf & ~Accessed) | DirtyModifier | ReadOnly;
        ulong at = machine.Map(root, 0x1000, fresh);
        machine.BindFirst(root, flags: 3ul << 42).SwitchOn();
        ulong inhibits = isInhibited ? InhibitsUpdates : 0;
        (Ask(machine, 0x1000 | First | IsRead | inhibits) & 0x00ff_ffff_ffff_f001).ShouldBe(0x7000_0000ul);
        machine.Load(at).ShouldBe(isInhibited ? fresh : fresh | Accessed);
        (Ask(machine, 0x1000 | First | inhibits) & 0x00ff_ffff_ffff_f001).ShouldBe(0x7000_0000ul);
        machine.Load(at).ShouldBe(isInhibited ? fresh : (fresh | Accessed) & ~ReadOnly);

        // What was told of is not kept as if it were in memory: the write of a device is noted.
        machine.Write(0x1000).ShouldBe(0x7000_0000ul);
        machine.Load(at).ShouldBe((fresh | Accessed) & ~ReadOnly);
    }

    [Theory]
    [InlineData(true, true, First, false)]
    [InlineData(true, true, Second, false)]
    [InlineData(true, true, Both, false)]
    [InlineData(true, true, 0ul, true)]
    [InlineData(true, false, First, false)]
    [InlineData(true, false, Second, true)]
    [InlineData(true, false, Both, true)]
    [InlineData(false, true, First, true)]
    [InlineData(false, true, Second, false)]
    [InlineData(false, true, Both, true)]
    public void A_request_for_a_stage_that_the_part_has_not_is_invalid(bool hasFirst, bool hasSecond, ulong type, bool isRefused)
    {
        uint stages = (hasFirst ? 2u : 0) | (hasSecond ? 1u : 0);
        using var machine = new Smmu3Machine(Smmu3Unit.Full with { Idr0 = (Smmu3Unit.Full.Idr0 & ~3u) | stages });

        // The stream is asked for later: it has no stage.
        machine.SetStream(Smmu3Machine.Device, 1 | (4 << 1)).SwitchOn();
        Ask(machine, 0x1000 | type).ShouldBe(isRefused ? InvalidRequest : InvalidStage);
    }

    /// <summary>A stream that is aborted has no stage, as one that passes; an invalid one is a bad one.</summary>
    [Fact]
    public void A_request_for_a_stage_that_a_stream_has_not_is_told()
    {
        using var machine = new Smmu3Machine();
        ulong root = machine.NewTable();
        machine.BindFirst(root).SetStream(9, 1).SetStream(10, 1 | (4 << 1)).SetStream(11, 0).BindSecond(root, stream: 12).SwitchOn();
        foreach (ulong type in new[] { First, Second, Both })
        {
            Ask(machine, 0x1000 | type, stream: 9).ShouldBe(InvalidStage);
            Ask(machine, 0x1000 | type, stream: 10).ShouldBe(InvalidStage);
            Ask(machine, 0x1000 | type, stream: 11).ShouldBe(1ul | ((ulong)Smmu3EventType.BadStream << 4));
        }

        Ask(machine, 0x1000 | Second).ShouldBe(InvalidStage);
        Ask(machine, 0x1000 | Both).ShouldBe(InvalidStage);
        Ask(machine, 0x1000 | First, stream: 12).ShouldBe(InvalidStage);
        Ask(machine, 0x1000 | Both, stream: 12).ShouldBe(InvalidStage);
        machine.TakeEvent().ShouldBeNull();
    }
}
