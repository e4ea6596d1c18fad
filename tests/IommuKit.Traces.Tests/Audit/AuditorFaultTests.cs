using IommuKit.Traces.Faults;

namespace IommuKit.Traces.Tests.Audit;

public sealed class AuditorFaultTests : AuditorFixture
{
    [Fact]
    public void An_audit_explains_the_faults_in_the_trace_too()
    {
        Map(0x10000, 4);
        Unmap(0x10000, 4);
        Line("console: DMAR: [DMA Write NO_PASID] Request device [00:04.0] fault addr 0x12040 [fault reason 0x05] PTE Write access is not set");
        var fault = Run().Faults.Faults.ShouldHaveSingleItem();
        (fault.Cause, fault.TraceLine).ShouldBe((FaultCause.UsedAfterUnmap, 3));
    }
}
