using System.CommandLine;
using System.Globalization;
using IommuKit.Cli.Invocation;
using IommuKit.Cli.Output;
using IommuKit.Lab.Conform;
using IommuKit.Lab.Dump;
using IommuKit.Lab.Inspect;
using IommuKit.Lab.Iommus;
using IommuKit.Traces;

namespace IommuKit.Cli.Commands;

/// <summary><c>iommukit inspect</c>: what an IOMMU is configured to do, and whether it can be handed over so.</summary>
internal static class InspectCommand
{
    /// <summary>The command in the list of commands.</summary>
    public static CommandEntry Entry { get; } = new(
        "inspect",
        "Print what a snapshot of an IOMMU is configured to do (devices, PASIDs, page tables), and audit it by the rules of a hand-over. "
            + "Exit code 1 if a rule is broken.",
        "DIR",
        Create);

    private static Command Create(CommandContext context)
    {
        var folder = new Argument<string?>("DIR")
        {
            Description = "A recorded boot, as for conform: each of its snapshots is looked at.",
            Arity = ArgumentArity.ZeroOrOne,
        };
        var snapshot = new Option<string?>("--snapshot")
        {
            Description = "Of a boot, the snapshot of this name only.",
            HelpName = "NAME",
        };
        var registers = new Option<string?>("--registers")
        {
            Description = "Registers of a machine, a line each: W (or I, S), offset, size and value, offset and value in hexadecimal. With --memory.",
            HelpName = "FILE",
        };
        var memory = new Option<string[]>("--memory")
        {
            Description = "Its memory: raw, at a hexadecimal address if not at 0, or an ELF core (QEMU's dump-guest-memory, kdump); repeatable.",
            HelpName = "FILE[@ADDRESS]",
        };
        var reserved = new Option<string[]>("--reserved")
        {
            Description = "A range of physical memory, hexadecimal, that no device may write; repeatable.",
            HelpName = "FIRST-LAST",
        };
        var strict = new Option<bool>("--no-bypass") { Description = "That a device passes untranslated is wrong, and not only to be known." };
        var results = new ResultOptions();
        var command = new Command(Entry.Name, Entry.Description)
        {
            folder,
            snapshot,
            registers,
            memory,
            reserved,
            strict,
        };
        results.AddTo(command);
        command.SetAction(parsed =>
        {
            InspectRange[] ranges = [.. (parsed.GetValue(reserved) ?? []).Select(Range)];
            string[] files = parsed.GetValue(memory) ?? [];
            string? boot = parsed.GetValue(folder);
            string? dump = parsed.GetValue(registers);
            if ((boot is null) == (dump is null) || (dump is null) != (files.Length == 0))
            {
                throw new InputException("inspect: name a recorded boot, or --registers with --memory");
            }

            if (boot is not null && !RecordedBoot.IsAt(boot))
            {
                throw new InputException($"{boot}: there is no recorded boot, which has pages.txt and translations.txt, or .gz of them");
            }

            bool isWrong = false;
            string[] inputs = boot is not null ? [.. new RecordedBoot(boot).Files] : [dump!, .. files.Select(ForeignDump.FileOf)];
            int code = results.Collect(parsed, context, inputs, writer =>
            {
                var states = boot is not null
                    ? OfBoot(context, boot, parsed.GetValue(snapshot), ranges)
                    : [OfFiles(dump!, files, ranges)];
                if (parsed.GetValue(strict))
                {
                    states = [.. states.Select(WithoutBypass)];
                }

                isWrong = states.Any(state => state.Wrong != 0);
                InspectOutput.Write(writer, states);
            });
            return isWrong ? ExitCode.Violation : code;
        });
        return command;
    }

    private static IReadOnlyList<Inspection> OfBoot(CommandContext context, string folder, string? snapshot, IReadOnlyList<InspectRange> reserved)
    {
        // Memory is the same in all snapshots and changes from one to the next, so that each is looked at before the next is read.
        var all = Progress.Steps<IReadOnlyList<Inspection>>(context, null, (onStep, _) =>
        {
            var states = new List<Inspection>();
            foreach (var one in new RecordedBoot(folder).Snapshots().Where(one => snapshot is null || one.Name == snapshot))
            {
                onStep?.Invoke(one.Name);
                states.Add(Inspector.Run(new InspectInput(one.Name, one.Registers, one.Memory) { Origin = folder }, InspectCatalog.All, reserved));
            }

            return states;
        });
        string wanted = snapshot is null ? string.Empty : $" \"{snapshot}\"";
        return all.Count != 0 ? all : throw new InputException($"{folder}: there is no snapshot{wanted} in it");
    }

    private static Inspection OfFiles(string registers, string[] files, IReadOnlyList<InspectRange> reserved)
    {
        using var memory = new DumpedMemory(files);
        var input = new InspectInput(Path.GetFileName(registers), RecordedBoot.ReadRegisters(registers), memory) { Origin = registers };
        return Inspector.Run(input, InspectCatalog.All, reserved);
    }

    private static Inspection WithoutBypass(Inspection state) =>
        state with { Findings = [.. state.Findings.Select(finding => finding with { IsWrong = finding.IsWrong || finding.Rule == InspectRule.Bypass })] };

    private static InspectRange Range(string text)
    {
        string[] ends = text.Split('-');
        return ends.Length == 2 && Address(ends[0]) is { } first && Address(ends[1]) is { } last && first <= last
            ? new InspectRange(first, last, "reserved memory")
            : throw new InputException($"--reserved: \"{text}\" is no range of hexadecimal addresses, as 80000000-8fffffff");
    }

    private static ulong? Address(string text)
    {
        string digits = text.StartsWith("0x", StringComparison.OrdinalIgnoreCase) ? text[2..] : text;
        return ulong.TryParse(digits, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ulong address) ? address : null;
    }
}
