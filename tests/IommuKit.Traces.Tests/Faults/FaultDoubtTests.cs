using System.Globalization;
using IommuKit.Traces.Faults;

namespace IommuKit.Traces.Tests.Faults;

/// <summary>What a trace and a log do not have is not taken for what never was.</summary>
public class FaultDoubtTests : FaultScript
{
    [Theory]
    [InlineData("0000:00:04.0", false)]
    [InlineData("0000:00:05.0", true)]
    [InlineData(null, true)]
    public void Never_mapped_is_sure_where_the_trace_shows_the_device_coming(string? attached, bool isInDoubt)
    {
        if (attached is not null)
        {
            Line($"attach_device_to_domain: IOMMU: device={attached}");
        }

        Map(0x10000, 1);
        Console(Message("00:04.0", 0x90000));
        var fault = Explain().ShouldHaveSingleItem();
        fault.Cause.ShouldBe(FaultCause.NeverMapped);
        fault.IsInDoubt.ShouldBe(isInDoubt);
        fault.Doubts.Any(doubt => doubt.Contains("before the trace begins")).ShouldBe(isInDoubt);
    }

    /// <summary>Maps and unmaps do not say whose they are: of a device that was there before the trace, they may be another's.</summary>
    [Theory]
    [InlineData(true, false)]
    [InlineData(false, true)]
    public void Whose_maps_and_unmaps_were_is_sure_where_the_trace_shows_the_device_coming(bool isAttached, bool isInDoubt)
    {
        if (isAttached)
        {
            Line("attach_device_to_domain: IOMMU: device=0000:00:04.0");
        }

        Map(0x10000, 1);
        Unmap(0x10000, 1);
        Map(0x20000, 1);
        Console(Message("00:04.0", 0x10000));
        Console(Message("00:04.0", 0x20000));
        Console(Message("00:04.0", 0x21000));
        Console("arm-smmu-v3 a: event: F_PERMISSION client: 0000:00:04.0 sid: 0x20 ssid: 0x0 iova: 0x20000 ipa: 0x0");
        var faults = Explain();
        faults.Select(fault => fault.Cause)
            .ShouldBe([FaultCause.UsedAfterUnmap, FaultCause.NoPermission, FaultCause.PastTheEnd, FaultCause.NoPermission]);

        // That there is an entry without the permission, the hardware says itself.
        faults.Select(fault => fault.IsInDoubt).ShouldBe([isInDoubt, isInDoubt, isInDoubt, false]);
        faults.Take(3).ShouldAllBe(fault => fault.Doubts.Any(doubt => doubt.EndsWith("may be another device's")) == isInDoubt);
    }

    [Fact]
    public void Nothing_is_sure_of_a_log_that_shares_no_fault_with_the_trace()
    {
        Line("attach_device_to_domain: IOMMU: device=0000:00:04.0");
        Map(0x10000, 1);
        Unmap(0x10000, 1);
        Wait(9000);
        Map(0x20000, 1);
        Log(4, 0x10000);
        Log(4, 0x90000);
        var report = FaultCapture.ExplainText(LogText.ToString(), TraceText.ToString());
        report.InBoth.ShouldBe(0);
        report.Faults.Select(fault => fault.Cause).ShouldBe([FaultCause.UsedAfterUnmap, FaultCause.NeverMapped]);
        report.Faults.ShouldAllBe(fault => fault.IsInDoubt && fault.Doubts.Any(doubt => doubt.StartsWith("no fault is in both the log and the trace")));
        report.Limits.ShouldContain(limit => limit.StartsWith("No fault shows in both log and trace: nothing ties them together"));
    }

    [Fact]
    public void A_log_without_times_that_shares_a_fault_is_of_the_same_run()
    {
        Line("attach_device_to_domain: IOMMU: device=0000:00:04.0");
        Map(0x10000, 1);
        Unmap(0x10000, 1);
        Console(Message("00:04.0", 0x10000));
        LogText.Append(Message("00:04.0", 0x10000)).Append('\n').Append(Message("00:04.0", 0x90000)).Append('\n');
        var report = FaultCapture.ExplainText(LogText.ToString(), TraceText.ToString());
        report.InBoth.ShouldBe(1);
        report.Faults.Select(fault => fault.Cause).ShouldBe([FaultCause.UsedAfterUnmap, FaultCause.NeverMapped]);
        report.Faults.ShouldAllBe(fault => !fault.IsInDoubt);
    }

    [Fact]
    public void Without_times_and_ties_nothing_is_said_of_what_was_never_mapped()
    {
        TraceText.Append("map: IOMMU: iova=0x10000 - 0x11000 paddr=0x1000 size=4096\n");
        Log(4, 0x90000);
        var fault = Explain().ShouldHaveSingleItem();
        fault.Cause.ShouldBe(FaultCause.Unknown);
        fault.Doubts.ShouldContain("the trace has no times");
    }

    [Theory]
    [InlineData("6.12.117", false)]
    [InlineData("7.2.13", true)]
    [InlineData(null, false)]
    public void A_log_of_another_kernel_is_left_out(string? kernel, bool isLeftOut)
    {
        LogText.Append("[    0.000000] Linux version 6.12.117 (a@b) #1 SMP\n");
        Log(4, 0x90000);
        Map(0x10000, 1);
        Wait(9000);
        Map(0x20000, 1);
        var report = FaultCapture.ExplainText(LogText.ToString(), TraceText.ToString(), kernel);
        report.IsLogOfOtherKernel.ShouldBe(isLeftOut);
        report.LeftOut.ShouldBe(isLeftOut ? 1 : 0);
        report.Faults.Count.ShouldBe(isLeftOut ? 0 : 1);
        report.Limits.Any(limit => limit.Contains("6.12.117")).ShouldBe(isLeftOut);
    }

    private void Log(double seconds, ulong iova) =>
        LogText.Append(CultureInfo.InvariantCulture, $"[{seconds,12:0.000000}] {Message("00:04.0", iova)}\n");
}
