using IommuKit.Traces.Faults;

namespace IommuKit.Traces.Tests.Faults;

/// <summary>Captures in which devices were made to fault: each fault in the log gets the cause, the map and the unmap that it really had.</summary>
public class FaultCaptureTests
{
    /// <summary>Faults that were provoked and of which the kernel printed nothing: truth.txt has 22 and 23 of them.</summary>
    [SharedTheory]
    [InlineData("vtd-612-strict", 22)]
    [InlineData("vtd-72-lazy", 23)]
    [InlineData("smmuv3-612-strict", null)]
    public void How_many_faults_were_not_printed_shows_in_how_vtd_counts(string name, int? silent)
    {
        string folder = RepositoryFiles.InShared("faults", name);
        FaultCapture.Explain(Path.Combine(folder, "dmesg.txt"), Path.Combine(folder, "trace.gz")).SilentFaults.ShouldBe(silent);
        FaultCapture.Explain(Path.Combine(folder, "dmesg.txt"), null).SilentFaults.ShouldBe(silent);
    }

    public static TheoryData<string> WithAddresses =>
    [
        "vtd-612-strict", "vtd-72-lazy", "amdvi-612-strict", "smmuv3-612-strict", "smmuv3-72-strict", "smmuv3-72-burst", "virtio-72-x86",
    ];

    [SharedTheory]
    [MemberData(nameof(WithAddresses))]
    public void Each_logged_fault_has_its_cause_map_and_unmap(string name)
    {
        var capture = FaultCapture.Shared(name);
        Check(capture, FaultCapture.Explain(capture.Log, capture.Trace));
    }

    [Theory]
    [InlineData("vtd")]
    [InlineData("amdvi")]
    [InlineData("smmuv3")]
    public void So_has_each_of_an_excerpt(string name)
    {
        var capture = FaultCapture.Open(RepositoryFiles.InRepository("tests", "IommuKit.Traces.Tests", "Faults", "Data", name));
        capture.Accesses.Count.ShouldBeGreaterThan(2);
        var report = FaultCapture.Explain(capture.Log, Path.Combine(capture.Folder, "trace.txt"));
        Check(capture, report);
        report.Worst(3).Count.ShouldBe(3);
        report.Worst(100).Count.ShouldBe(report.Faults.Count);
        report.Worst(0).ShouldBeEmpty();
        Should.Throw<ArgumentOutOfRangeException>(() => report.Worst(-1));
        report.ByCause.Values.Sum().ShouldBe(report.Faults.Count);
    }

    [SharedFact]
    public void Messages_without_an_address_get_no_cause()
    {
        var capture = FaultCapture.Shared("amdvi-612-noaddr");
        var report = FaultCapture.Explain(capture.Log, capture.Trace);
        long messages = capture.Accesses.Where(access => access.IsLogged).Sum(access => long.Parse(access["messages"]));
        report.Messages.ShouldBe(messages);
        report.Faults.ShouldAllBe(fault => fault.Cause == FaultCause.Unknown && fault.Doubts.Count == 1 && fault.Fault.Iova == null);
        foreach (var access in capture.Accesses.Where(access => access.IsLogged))
        {
            report.Faults.Single(fault => fault.LogLine == access.DmesgLines.First).Fault.Requester.ShouldBe(access.Requester);
        }
    }

    [SharedTheory]
    [MemberData(nameof(WithAddresses))]
    public void The_kernels_count_of_what_it_left_out_is_told(string name)
    {
        var capture = FaultCapture.Shared(name);
        var report = FaultCapture.Explain(capture.Log, null);
        string[] notes = [.. File.ReadLines(Path.Combine(capture.Folder, "truth.txt")).Where(line => line.StartsWith("# suppression notice:"))];
        report.Suppressed.Select(note => $"# suppression notice: dmesg line {note.Line}: {note.Function}: {note.Count} callbacks suppressed").ShouldBe(notes);
        report.SuppressedCalls.ShouldBe(report.Suppressed.Sum(note => note.Count));
        FaultCapture.Explain(null, capture.Trace).SuppressedCalls.ShouldBe(report.SuppressedCalls);
    }

    [SharedTheory]
    [MemberData(nameof(WithAddresses))]
    public void A_log_alone_is_decoded_and_gets_no_causes(string name)
    {
        var capture = FaultCapture.Shared(name);
        var report = FaultCapture.Explain(capture.Log, null);
        report.HasTrace.ShouldBeFalse();
        report.Faults.ShouldAllBe(fault => fault.Cause == (fault.Fault.Evidence == FaultEvidence.Permission ? FaultCause.NoPermission : FaultCause.Unknown));
        foreach (var access in capture.Accesses.Where(access => access.IsLogged))
        {
            var fault = report.Faults.Where(fault => fault.LogLine == access.DmesgLines.First).ShouldHaveSingleItem();
            (fault.Fault.Iova & ~0xffful).ShouldBe(access.Page);
            (fault.Fault.Requester & 0xffff).ShouldBe(access.Requester);
        }
    }

    [SharedTheory]
    [InlineData("smmuv3-612-strict")]
    [InlineData("virtio-72-x86")]
    public void Streams_and_endpoints_are_named_by_the_functions_of_their_numbers(string name)
    {
        var capture = FaultCapture.Shared(name);
        var report = FaultCapture.Explain(capture.Log, capture.Trace);
        foreach (var access in capture.Accesses.Where(access => access.IsLogged))
        {
            report.Faults.Single(fault => fault.LogLine == access.DmesgLines.First).LikelyDevice.ShouldBe(access["dev"]);
        }
    }

    [SharedTheory]
    [MemberData(nameof(WithAddresses))]
    public void A_trace_with_the_kernels_messages_needs_no_log(string name)
    {
        var capture = FaultCapture.Shared(name);
        var both = FaultCapture.Explain(capture.Log, capture.Trace);
        var alone = FaultCapture.Explain(null, capture.Trace);
        alone.Faults.Select(fault => (fault.TraceLine, fault.Cause, fault.Messages)).ShouldBe(both.Faults.Select(fault => (fault.TraceLine, fault.Cause, fault.Messages)));
        both.Faults.ShouldAllBe(fault => fault.TraceLine != null);
    }

    [SharedTheory]
    [MemberData(nameof(WithAddresses))]
    public void Clocks_are_compared_by_the_messages_that_both_have(string name)
    {
        var capture = FaultCapture.Shared(name);
        string[] words = File.ReadLines(Path.Combine(capture.Folder, "truth.txt")).Single(line => line.Contains("trace time minus dmesg time")).Split(' ');
        double min = double.Parse(words[Array.IndexOf(words, "min") + 1]);
        double max = double.Parse(words[Array.IndexOf(words, "max") + 1]);
        var offset = FaultCapture.Explain(capture.Log, capture.Trace).ClockOffset;
        (offset / 1e9)!.Value.ShouldBeInRange(min - 0.001, max + 0.001);
    }

    [SharedTheory]
    [MemberData(nameof(WithAddresses))]
    public void Without_messages_in_the_trace_the_times_of_the_log_count_where_nothing_depends_on_the_clocks(string name)
    {
        // The clocks differ by 0 to 0.7 s. What is said must be right; where something happened to the page around that time nothing is said.
        var capture = FaultCapture.Shared(name);
        var whole = FaultCapture.Explain(capture.Log, capture.Trace);
        var report = FaultCapture.Explain(
            capture.Log, capture.Trace, traceEvent => traceEvent.Kind is not (TraceEventKind.Console or TraceEventKind.PageFault));
        report.ClockOffset.ShouldBeNull();
        report.Limits.ShouldContain(limit => limit.Contains("clocks differ cannot be told"));
        int told = 0;
        foreach (var fault in report.Faults)
        {
            fault.TraceLine.ShouldBeNull();
            var same = whole.Faults.Last(other => other.LogLine <= fault.LogLine);
            if (fault.Cause == FaultCause.Unknown)
            {
                fault.Doubts.ShouldNotBeEmpty();
            }
            else
            {
                told++;
                fault.Cause.ShouldBe(same.Cause, Describe(fault));
                if (fault.Doubts.Count == 0)
                {
                    (fault.LastMap?.Line).ShouldBe(same.LastMap?.Line);
                    (fault.LastUnmap?.Line).ShouldBe(same.LastUnmap?.Line);
                }
            }
        }

        told.ShouldBeGreaterThan(3);
    }

    [SharedFact]
    public void The_events_of_faults_in_a_trace_compare_the_clocks_too()
    {
        var capture = FaultCapture.Shared("amdvi-612-strict");
        Check(capture, FaultCapture.Explain(capture.Log, capture.Trace, traceEvent => traceEvent.Kind != TraceEventKind.Console));

        // What the kernel did not print is in the trace: its events are not limited by any rate.
        var report = FaultCapture.Explain(null, capture.Trace, traceEvent => traceEvent.Kind != TraceEventKind.Console);
        foreach (var access in capture.Accesses.Where(access => access["fault"] == "yes"))
        {
            report.Faults.ShouldContain(fault => fault.Cause == access.Cause && (fault.Fault.Iova & ~0xffful) == access.Page, access.Name);
        }
    }

    /// <summary>Without a log: what the trace has of a fault, its event or the message on the console, gets the cause, the map and the unmap.</summary>
    [SharedTheory]
    [MemberData(nameof(WithAddresses))]
    public void The_trace_alone_has_each_fault_that_it_shows(string name)
    {
        var capture = FaultCapture.Shared(name);
        var report = FaultCapture.Explain(null, capture.Trace);
        var shown = capture.Accesses
            .Where(access => access["fault"] == "yes" && !access.IsHeaderOnly && (access["trace_io_page_fault"] != "-" || access["trace_console_lines"] != "-"))
            .ToList();
        shown.Count.ShouldBeGreaterThan(10);
        foreach (var access in shown)
        {
            report.Faults.Any(fault => Is(fault, access)).ShouldBeTrue($"{access.Name}:\n{string.Join('\n', report.Faults.Select(Describe))}");
        }
    }

    public static TheoryData<string, string> Variants => new()
    {
        { "amdvi-612-strict", "dmesg-hwlike.txt" },
        { "smmuv3-72-strict", "dmesg-T.txt" },
        { "smmuv3-72-strict", "dmesg-t.txt" },
        { "smmuv3-72-strict", "journal.txt" },
        { "virtio-72-x86", "journal.txt" },
        { "vtd-612-strict", "dmesg-T.txt" },
        { "vtd-612-strict", "dmesg-r.txt" },
        { "vtd-612-strict", "journal.txt" },
    };

    [SharedTheory]
    [MemberData(nameof(Variants))]
    public void A_log_reads_alike_in_every_shape(string name, string file)
    {
        var capture = FaultCapture.Shared(name);
        string log = Path.Combine(capture.Folder, "variants", file);
        Check(capture, FaultCapture.Explain(log, capture.Trace));
        var plain = KernelLogReader.Read(capture.Log);
        var other = KernelLogReader.Read(log);
        other.Lines.ShouldBe(plain.Lines);
        other.Suppressed.ShouldBe(plain.Suppressed);
        other.Faults.Select(fault => (fault.Line, fault.Device, fault.Iova, fault.Direction, fault.Pasid))
            .ShouldBe(plain.Faults.Select(fault => (fault.Line, fault.Device, fault.Iova, fault.Direction, fault.Pasid)));
        other.Faults[0].Clock.ShouldBe(file switch
        {
            "dmesg-t.txt" => LogClock.None,
            "dmesg-T.txt" or "journal.txt" => LogClock.Wall,
            _ => LogClock.Boot,
        });
    }

    [SharedFact]
    public void Logs_of_another_run_are_left_out()
    {
        var capture = FaultCapture.Shared("smmuv3-72-strict");
        var report = FaultCapture.Explain(capture.Log, FaultCapture.Shared("smmuv3-72-burst").Trace);
        report.ClockOffset.ShouldBeNull();
        report.LeftOut.ShouldBe(KernelLogReader.Read(capture.Log!).Faults.Count);
        report.Faults.ShouldNotBeEmpty();
        report.Faults.ShouldAllBe(fault => fault.LogLine == null);
        report.Limits.ShouldContain(limit => limit.StartsWith("Faults of the log are left out, in messages: ", StringComparison.Ordinal));
    }

    [SharedFact]
    public void A_log_of_another_IOMMU_is_left_out()
    {
        var report = FaultCapture.Explain(FaultCapture.Shared("amdvi-612-strict").Log, FaultCapture.Shared("vtd-612-strict").Trace);
        report.LeftOut.ShouldBeGreaterThan(0);
        report.Faults.ShouldAllBe(fault => fault.Fault.Reporter == FaultReporter.Vtd);
    }

    /// <summary>Compares a report with what really happened.</summary>
    internal static void Check(FaultCapture capture, FaultReport report)
    {
        var problems = new List<string>();
        foreach (var access in capture.Accesses.Where(access => access.IsLogged || access.IsHeaderOnly))
        {
            var (first, last) = access.DmesgLines;
            var found = report.Faults.Where(fault => fault.LogLine >= first && fault.LogLine <= last).ToList();
            if (found.Count != 1)
            {
                problems.Add($"{access.Name}: {found.Count} faults, {string.Join(';', found.Select(Describe))}");
                continue;
            }

            var fault = found[0];
            if (access.IsHeaderOnly)
            {
                if (!fault.Fault.IsHeaderOnly || fault.Cause != FaultCause.Unknown || fault.Fault.Device is not null)
                {
                    problems.Add($"{access.Name}: {Describe(fault)}, should be a heading");
                }

                continue;
            }

            bool isRight = fault.Cause == access.Cause
                && (fault.Fault.Iova & ~0xffful) == access.Page
                && (fault.Fault.Requester & 0xffff) == access.Requester
                && (fault.Fault.Direction == FaultDirection.Unknown || fault.Fault.Direction.ToString() == (access["dir"] == "read" ? "Read" : "Write"))
                && (access["messages"] == "-" || IsCount(fault, access["messages"], access["trace_io_page_fault"]));

            // What another domain mapped is shown beside the doubt that it is another's.
            if (access["other_domain_last"] == "-" || fault.Doubts.Count == 0)
            {
                isRight &= fault.LastMap?.Line == access.LineOf("last_map") && fault.LastUnmap?.Line == access.LineOf("last_unmap")
                    && (access.LineOf("mapping_below") is not { } below || fault.Below?.Line == below);
            }

            if (!isRight)
            {
                problems.Add($"{access.Name}: {Describe(fault)}; truth {access["cause"]} {access["dev"]} {access["dir"]} {access["iova"]} "
                    + $"x{access["messages"]} map {access["last_map"]} unmap {access["last_unmap"]} below {access["mapping_below"]} other {access["other_domain_last"]}");
            }
        }

        problems.ShouldBeEmpty(string.Join("\n", problems));
    }

    private static bool Is(ExplainedFault fault, ProvokedAccess access) =>
        fault.Cause == access.Cause
        && (fault.Fault.Iova & ~0xffful) == access.Page
        && (fault.Fault.Requester & 0xffff) == access.Requester
        && ((access["other_domain_last"] != "-" && fault.Doubts.Count != 0)
            || (fault.LastMap?.Line == access.LineOf("last_map") && fault.LastUnmap?.Line == access.LineOf("last_unmap")));

    // The log has the first messages of a transfer; where the trace has the events, "lines 1127-1152 (16)", it has them all.
    private static bool IsCount(ExplainedFault fault, string messages, string events) =>
        fault.Messages.ToString() == messages || events.EndsWith($"({fault.Messages})", StringComparison.Ordinal);

    internal static string Describe(ExplainedFault fault) =>
        $"{fault.Cause} {fault.Fault.Device} {fault.Fault.Direction} 0x{fault.Fault.Iova:x} x{fault.Messages} log {fault.LogLine} trace {fault.TraceLine} "
            + $"map {fault.LastMap?.Line} unmap {fault.LastUnmap?.Line} below {fault.Below?.Line} [{string.Join("; ", fault.Doubts)}]";
}
