using IommuKit.Traces.Faults;

namespace IommuKit.Traces.Tests.Faults;

/// <summary>What a kernel prints where hardware refuses a flush or does not answer it is told first, and taken for no fault.</summary>
public class FlushFailureTests : FaultScript
{
    [Theory]
    [InlineData("DMAR: VT-d detected Invalidation Queue Error: Reason 1", "DMAR: VT-d detected Invalidation Queue Error: Reason 1")]
    [InlineData("[   12.345678] DMAR: VT-d detected Invalidation Time-out Error: SID 0", "DMAR: VT-d detected Invalidation Time-out Error: SID 0")]
    [InlineData("Nov 26 10:00:00 host kernel: AMD-Vi: Completion-Wait loop timed out", "AMD-Vi: Completion-Wait loop timed out")]
    [InlineData(
        "arm-smmu-v3 arm-smmu-v3.0.auto: CMD_SYNC timeout at 0x0000012f [hwprod 0x00000130, hwcons 0x0000012e]",
        "arm-smmu-v3 arm-smmu-v3.0.auto: CMD_SYNC timeout at 0x0000012f [hwprod 0x00000130, hwcons 0x0000012e]")]
    [InlineData(
        "arm-smmu 5000000.iommu: TLB sync timed out -- SMMU may be deadlocked", "arm-smmu 5000000.iommu: TLB sync timed out -- SMMU may be deadlocked")]
    public void Every_driver_has_words_for_it(string line, string message)
    {
        var report = FaultCapture.ExplainText(line + "\n");
        report.FlushFailures.ShouldBe(1);
        report.FirstFlushFailures.ShouldBe([new FlushFailure(1, IsInTrace: false, message)]);
        report.Faults.ShouldBeEmpty();
    }

    [Theory]
    [InlineData("[    0.500000] iommu: DMA domain TLB invalidation policy: strict mode")]
    [InlineData("[    0.500000] AMD-Vi: Interrupt remapping enabled")]
    [InlineData("[    0.500000] arm-smmu-v3 arm-smmu-v3.0.auto: allocated 65536 entries for cmdq")]
    public void Nothing_else_is_taken_for_one(string line) => FaultCapture.ExplainText(line + "\n").FlushFailures.ShouldBe(0);

    [Fact]
    public void In_the_trace_and_in_the_log_it_is_the_same_one()
    {
        const string message = "DMAR: VT-d detected Invalidation Time-out Error: SID 20";
        Map(0x10000, 1);
        Both(message, 0);
        Both(Message("00:04.0", 0x10000), 0);
        FaultCapture.ExplainText(string.Empty, TraceText.ToString()).FirstFlushFailures.ShouldBe([new FlushFailure(2, IsInTrace: true, message)]);
        var report = FaultCapture.ExplainText(LogText.ToString(), TraceText.ToString());
        report.FlushFailures.ShouldBe(1);
        report.FirstFlushFailures.ShouldBe([new FlushFailure(1, IsInTrace: false, message)]);
    }
}
