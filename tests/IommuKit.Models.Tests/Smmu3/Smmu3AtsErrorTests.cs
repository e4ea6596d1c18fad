using IommuKit.Models.Smmu3;
using IommuKit.Specs.Smmu3;

namespace IommuKit.Models.Tests.Smmu3;

/// <summary>Errors of the configuration that requests of devices meet: which are recorded, and when (IHI 0070, sections 3.9.1 and 8.1).</summary>
public sealed class Smmu3AtsErrorTests
{
    private const uint Recorded = Smmu3Register.Control2Bits.RecordsAtsErrors;
    private const uint OfStreamIds = Smmu3Register.Control2Bits.RecordsBadStream;
    private const Smmu3RequestKind Asked = Smmu3RequestKind.TranslationRequest;
    private const Smmu3RequestKind Translated = Smmu3RequestKind.Translated;

    /// <summary>A StreamID beyond the table: a request is recorded by REC_CFG_ATS and RECINVSID together, what is translated by the first.</summary>
    [Theory]
    [InlineData(0u, false, false)]
    [InlineData(OfStreamIds, false, false)]
    [InlineData(Recorded, false, true)]
    [InlineData(Recorded | OfStreamIds, true, true)]
    public void A_StreamID_beyond_the_table_takes_both_bits(uint control2, bool ofRequest, bool ofTranslated)
    {
        using var machine = new Smmu3Machine();
        machine.SwitchOn(control2, Smmu3Register.Control.CheckTranslated);
        machine.Ask(0x1000, stream: 64, kind: Asked).Outcome.ShouldBe(Smmu3Outcome.CompleterAbort);
        (machine.TakeEvent()?.Type).ShouldBe(ofRequest ? Smmu3EventType.BadStreamId : null);
        machine.Ask(0x1000, stream: 64, kind: Translated).Outcome.ShouldBe(Smmu3Outcome.Abort);
        (machine.TakeEvent()?.Type).ShouldBe(ofTranslated ? Smmu3EventType.BadStreamId : null);
    }

    /// <summary>Without IDR0.ATSRECERR there is no REC_CFG_ATS.</summary>
    [Fact]
    public void REC_CFG_ATS_is_there_where_the_part_has_it()
    {
        using var machine = new Smmu3Machine(Smmu3Unit.Full with { Idr0 = Smmu3Unit.Full.Idr0 & ~(1u << 23) });
        machine.SetStream(9, 0).SwitchOn(Recorded | OfStreamIds);
        machine.Model.Read32(Smmu3Register.Control2).ShouldBe(OfStreamIds);
        machine.Ask(0x1000, stream: 9, kind: Asked).Outcome.ShouldBe(Smmu3Outcome.CompleterAbort);
        machine.TakeEvent().ShouldBeNull();
    }

    /// <summary>Where the answer to an overflow asks the stream whether it carries the PASID, and the stream cannot be read.</summary>
    [Theory]
    [InlineData(9u, 0u, null)]
    [InlineData(9u, Recorded, Smmu3EventType.BadStream)]
    [InlineData(64u, Recorded, null)]
    [InlineData(64u, Recorded | OfStreamIds, Smmu3EventType.BadStreamId)]
    public void An_overflow_of_page_requests_tells_of_a_stream_that_cannot_be_read(uint stream, uint control2, Smmu3EventType? expected)
    {
        using var machine = new Smmu3Machine(Smmu3Unit.Full with { Idr3 = Smmu3Unit.Full.Idr3 & ~(1u << 5) });
        machine.SetStream(9, 0).SwitchOn(control2);
        for (int i = 0; i < 32; i++)
        {
            machine.Model.RequestPage(Smmu3PageRequest.Create(stream, 5, 0, i, true, false, isLast: false)).ShouldBeTrue();
        }

        machine.Model.RequestPage(Smmu3PageRequest.Create(stream, 5, 0, 40, true, false, isLast: true)).ShouldBeFalse();
        machine.Responses.ShouldBe([new(stream, null, 40, 15)]);
        var record = machine.TakeEvent();
        (record?.Type).ShouldBe(expected);
        if (record is { } seen)
        {
            seen.W0.ShouldBe((ulong)expected!.Value | (1ul << 11) | (5ul << 12) | ((ulong)stream << 32));
        }
    }
}
