using IommuKit.Traces.Files;

namespace IommuKit.Traces.Tests;

/// <summary>The forms of the captures of real kernels give the same events.</summary>
public sealed class TraceFormsTests
{
    // Text has microseconds, rounded; trace.dat has nanoseconds.
    private const long Rounding = 500;

    public static TheoryData<string, string> Forms
    {
        get
        {
            var forms = new TheoryData<string, string>();
            string[] folders = Directory.Exists(RepositoryFiles.InShared("traces"))
                ? Directory.GetDirectories(RepositoryFiles.InShared("traces"))
                : [];
            foreach (string file in folders.Order().SelectMany(folder => Directory.GetFiles(folder).Order()))
            {
                if (Path.GetFileName(file) is "trace.dat" or "trace.v6.dat.gz" or "trace-cmd-report.txt.gz" or "trace.noirq-info.gz"
                    or "trace.nocontext-info.gz" or "trace.latency-format.gz" or "trace.latency-verbose.gz")
                {
                    forms.Add(Path.GetFileName(Path.GetDirectoryName(file)!), Path.GetFileName(file));
                }
            }

            // Where there is nothing to compare, one case says so.
            if (!forms.Any())
            {
                forms.Add("", "");
            }

            return forms;
        }
    }

    [SharedTheory]
    [MemberData(nameof(Forms))]
    public void A_form_has_the_events_of_the_text(string capture, string form)
    {
        var text = Read(capture, "trace.gz");
        var other = Read(capture, form);
        text.Count(e => e.Kind is TraceEventKind.Map or TraceEventKind.Unmap).ShouldBeGreaterThan(1000);
        other.Select(WithoutPlace).ShouldBe(text.Select(WithoutPlace));
        if (form.Contains("nocontext"))
        {
            other.ShouldAllBe(e => e.Nanoseconds == -1);
            return;
        }

        // latency-format counts from the start of the trace.
        bool isRelative = form.Contains("latency-format");
        long start = isRelative ? FirstTime(text) - FirstTime(other) : 0;
        for (int i = 0; i < text.Count; i++)
        {
            (text[i].Nanoseconds < 0).ShouldBe(other[i].Nanoseconds < 0);
            Math.Abs(text[i].Nanoseconds - (text[i].Nanoseconds < 0 ? 0 : start) - other[i].Nanoseconds)
                .ShouldBeLessThanOrEqualTo(form.Contains(".dat") ? Rounding : isRelative ? 2 * Rounding : 0);
        }
    }

    [SharedFact]
    public void What_is_lost_is_found_at_the_same_places()
    {
        var printed = ReadAll("nvme-lost", "trace-cmd-report.txt.gz").Select(WithoutPlace).ToList();
        printed.Where(e => e.Kind == TraceEventKind.Lost).Select(e => e.Size).ShouldBe([6777ul, 6215ul]);
        ReadAll("nvme-lost", "trace.dat").Select(WithoutPlace).ShouldBe(printed);
    }

    /// <summary>perf took its own times, so that some events are in another order (see the captures' description).</summary>
    [SharedTheory]
    [InlineData("perf.script.txt.gz")]
    [InlineData("perf.script.F.txt.gz")]
    public void Perf_has_the_events_of_ftrace_in_about_the_same_order(string form)
    {
        var text = Read("perf-nvme-lazy", "trace.gz").ConvertAll(WithoutPlace);
        var perf = Read("perf-nvme-lazy", form).ConvertAll(WithoutPlace);
        perf.OrderBy(e => e.ToString(), StringComparer.Ordinal).ShouldBe(text.OrderBy(e => e.ToString(), StringComparer.Ordinal));
        perf.Zip(text).Count(pair => pair.First != pair.Second).ShouldBeLessThan(text.Count / 100);
    }

    [SharedTheory]
    [InlineData("trace.raw.gz")]
    [InlineData("trace.hex.gz")]
    public void Forms_without_fields_are_refused_with_the_option_to_change(string form) =>
        Should.Throw<InputException>(() => Read("nvme-ext4-lazy", form)).Message.ShouldContain("echo noraw > trace_options");

    [SharedFact]
    public void Perf_data_is_refused_with_the_command_that_prints_it() =>
        Should.Throw<InputException>(() => Read("perf-nvme-lazy", "perf.data.gz")).Message.ShouldContain("'perf script'");

    private static long FirstTime(List<TraceEvent> events) => events.First(e => e.Nanoseconds >= 0).Nanoseconds;

    private static TraceEvent WithoutPlace(TraceEvent traceEvent) => traceEvent with { Line = 0, Nanoseconds = 0 };

    private static List<TraceEvent> Read(string capture, string form) =>
        ReadAll(capture, form).FindAll(e => e.Kind is not (TraceEventKind.Lost or TraceEventKind.Unknown));

    private static List<TraceEvent> ReadAll(string capture, string form)
    {
        using var reader = TraceFile.Open(RepositoryFiles.InShared("traces", capture, form));
        var events = new List<TraceEvent>();
        while (reader.Read(out var traceEvent))
        {
            events.Add(traceEvent);
        }

        return events;
    }
}
