using System.CommandLine;
using IommuKit.Cli.Invocation;
using IommuKit.Cli.Runs;
using IommuKit.Lab;
using IommuKit.Linux.Tracing;
using IommuKit.Traces;

namespace IommuKit.Cli.Commands;

/// <summary><c>iommukit record</c>: records what the kernel of this machine maps, unmaps and flushes, and judges it.</summary>
internal static class RecordCommand
{
    private const ulong MostBuffer = 1ul << 30;
    private const ulong LeastBuffer = 4096;

    // A month: timers cannot wait much longer.
    private const int MostSeconds = 31 * 24 * 3600;

    /// <summary>The command in the list of commands.</summary>
    public static CommandEntry Entry { get; } = new(
        "record",
        "Record what the kernel of this machine maps, unmaps and flushes, in a tracing instance of its own, and judge it. Needs root.",
        "COMMAND",
        Create);

    private static Command Create(CommandContext context)
    {
        var output = new Option<string?>("--output", "-o")
        {
            Description = "Record into this file; with .gz at its end, compressed. Default: iommu-DATE-TIME.trace in this folder.",
            HelpName = "FILE",
        };
        var seconds = new Option<string?>("--seconds")
        {
            Description = "Record so long. Without it and COMMAND: until Ctrl-C.",
            HelpName = "N",
        };
        var buffer = new Option<string?>("--buffer")
        {
            Description = $"The kernel's buffer for each processor, if events are lost. Default: {RecordSettings.DefaultKilobytes >> 10}M.",
            HelpName = "SIZE",
        };
        var dma = new Option<bool>("--dma")
        {
            Description = "Record the events of the DMA API (dma:*) too, for other tools: the verdict does not use them.",
        };
        var workload = new Argument<string[]>("COMMAND")
        {
            Description = "Record while this runs, as root; give it behind --.",
            Arity = ArgumentArity.ZeroOrMore,
        };
        var command = new Command(Entry.Name, Entry.Description)
        {
            output,
            seconds,
            buffer,
            dma,
            workload,
        };
        command.SetAction(parsed =>
        {
            string[] words = parsed.GetValue(workload)!;
            var time = parsed.GetValue(seconds) is { } text ? TimeIn(text) : (TimeSpan?)null;
            if (time is not null && words.Length != 0)
            {
                throw new InputException("--seconds and a COMMAND exclude each other: the command's end is the end");
            }

            return new RecordRun(context, parsed.GetValue(output), time, words).Do(new RecordSettings(BufferIn(parsed.GetValue(buffer)), parsed.GetValue(dma)));
        });
        return command;
    }

    private static TimeSpan TimeIn(string text) => Choices.Number("--seconds", text) is > 0 and <= MostSeconds and int seconds
        ? TimeSpan.FromSeconds(seconds)
        : throw new InputException($"--seconds {text}: is not from 1 to {MostSeconds}");

    private static int BufferIn(string? text)
    {
        if (text is null)
        {
            return RecordSettings.DefaultKilobytes;
        }

        ulong bytes = Choices.Sizes("--buffer", [text])[0];
        return bytes is >= LeastBuffer and <= MostBuffer
            ? (int)(bytes >> 10)
            : throw new InputException($"--buffer {text}: is not from {ByteSize.Format(LeastBuffer)} to {ByteSize.Format(MostBuffer)}");
    }
}
