using System.Buffers.Binary;
using System.Globalization;
using System.IO.Compression;
using IommuKit.Lab.Conform;
using IommuKit.Models.Memory;
using IommuKit.Models.Vtd;
using IommuKit.Specs.Vtd;

namespace IommuKit.Lab.Tests.Vtd;

/// <summary>The register writes and descriptors of whole recorded boots, in order: the model takes what Linux queued, and answers every
/// wait.</summary>
public sealed class VtdRecordedQueueTests
{
    [SharedTheory]
    [InlineData("s-612-legacy", 1661, 0)]
    [InlineData("s-612-cm39", 10248, 0)]
    [InlineData("s-72-ats", 1209, 0)]
    [InlineData("s-72-legacy-pt", 283, 0)]
    [InlineData("s-72-sm-fs", 2142, 1)]
    public void What_Linux_queued_is_taken(string boot, int descriptors, int errors)
    {
        string folder = RepositoryFiles.InShared("vectors", "vtd-linux", boot);
        using var memory = new PhysicalMemory(1ul << 31, isCoherent: true);
        var run = new Run(MakeModel(boot, folder, memory), memory);
        foreach (var step in Steps(folder))
        {
            run.Do(step);
        }

        run.Descriptors.ShouldBe(descriptors);
        run.Errors.ShouldBe(errors);
        run.Model.Read64(VtdRegister.QueueHead).ShouldBe(run.Tail);
    }

    /// <summary>Interrupts that QEMU was seen to remap: each message with its entry, as both stand in the trace.</summary>
    [SharedTheory]
    [InlineData("s-612-legacy")]
    [InlineData("s-612-cm39")]
    [InlineData("s-72-ats")]
    [InlineData("s-72-legacy-pt")]
    [InlineData("s-72-sm-fs")]
    public void Interrupts_are_remapped_as_they_were(string boot)
    {
        const ulong table = 0x10_0000;
        string folder = RepositoryFiles.InShared("vectors", "vtd-linux", boot);
        using var memory = new PhysicalMemory(1ul << 31, isCoherent: true);
        int compared = 0;
        foreach (string line in Lines(folder))
        {
            if (!line.StartsWith("i msi ", StringComparison.Ordinal) || !line.Contains(" irte ", StringComparison.Ordinal))
            {
                continue;
            }

            // i msi addr=A data=D -> addr=A data=D irte index I low L high H: the index is decimal, and low and high are exchanged.
            string[] words = line.Split(' ');
            var model = MakeModel(boot, folder, memory);
            model.LoadRegister(VtdRegister.InterruptTable, table | 0xf);
            model.LoadRegister(VtdRegister.GlobalStatus, VtdRegister.GlobalBits.SetInterruptTable | VtdRegister.GlobalBits.InterruptRemappingEnable);
            ulong index = ulong.Parse(words[9], CultureInfo.InvariantCulture);
            ulong place = table + (index * VtdInterruptEntry.Bytes);
            ulong upper = Hex(words[11][2..]);
            BinaryPrimitives.WriteUInt64LittleEndian(memory.CpuView.Span(place, 8), Hex(words[13][2..]));
            BinaryPrimitives.WriteUInt64LittleEndian(memory.CpuView.Span(place + 8, 8), upper);
            var request = new VtdInterruptRequest((ushort)upper, Hex(words[2][5..]), (uint)Hex(words[3][5..]));
            request.Index.ShouldBe((uint)index);
            model.TryRemap(request, out var interrupt).ShouldBeTrue(line);
            interrupt.MessageAddress.ShouldBe(Hex(words[5][5..]), line);
            interrupt.MessageData.ShouldBe((uint)Hex(words[6][5..]), line);
            compared++;
        }

        compared.ShouldBeGreaterThanOrEqualTo(15);
    }

    private static VtdModel<DeviceMemory> MakeModel(string boot, string folder, PhysicalMemory memory)
    {
        var snapshot = new RecordedBoot(folder).Snapshots().First();
        var unit = new VtdUnit(
            boot,
            new VtdCapability(snapshot.ValueOf(VtdRegister.Capability)!.Value),
            new VtdExtendedCapability(snapshot.ValueOf(VtdRegister.ExtendedCapability)!.Value),
            48);
        return new VtdModel<DeviceMemory>(unit, memory.DeviceView);
    }

    private static IEnumerable<string> Lines(string folder)
    {
        using var reader = new StreamReader(new GZipStream(File.OpenRead(Path.Combine(folder, "regs.txt.gz")), CompressionMode.Decompress));
        while (reader.ReadLine() is { } line)
        {
            yield return line;
        }
    }

    /// <summary>The register writes, each with the descriptors that were taken after it.</summary>
    private static IEnumerable<Step> Steps(string folder)
    {
        Step? step = null;
        foreach (string line in Lines(folder))
        {
            string[] words = line.Split(' ');
            if (words[0] == "W")
            {
                if (step is not null)
                {
                    yield return step;
                }

                step = new Step((uint)Hex(words[1]), words[2] == "8", Hex(words[3]), []);
            }
            else if (words[0] == "D")
            {
                // In scalable mode a number stands before the descriptor.
                step!.Descriptors.Add(Convert.FromHexString(words[1].Length >= 32 ? words[1] : words[2]));
            }
        }

        yield return step!;
    }

    private static ulong Hex(string digits) => ulong.Parse(digits, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);

    private sealed record Step(uint Register, bool IsWide, ulong Value, List<byte[]> Descriptors);

    private sealed class Run(VtdModel<DeviceMemory> model, PhysicalMemory memory)
    {
        public VtdModel<DeviceMemory> Model { get; } = model;

        public int Descriptors { get; private set; }

        public int Errors { get; private set; }

        public ulong Tail { get; private set; }

        private ulong Mask => (0x1000ul << (int)(Model.Read64(VtdRegister.QueueAddress) & VtdRegister.QueueAddressBits.SizeMask)) - 1;

        private ulong Queue => Model.Read64(VtdRegister.QueueAddress) & ~0xffful;

        public void Do(Step step)
        {
            // The recorder leaves context-cache invalidations out; one is missing at the most.
            if (step.Register == VtdRegister.QueueTail && step.Descriptors.Count != 0)
            {
                ulong bytes = (ulong)step.Descriptors[0].Length;
                ulong missing = (((step.Value - Tail) & Mask) / bytes) - (ulong)step.Descriptors.Count;
                missing.ShouldBeLessThanOrEqualTo(1ul);
                if (missing == 1)
                {
                    memory.CpuView.Span(Queue + Tail, (int)bytes).Clear();
                    memory.CpuView.Span(Queue + Tail, 1)[0] = 0x11;
                    Tail = (Tail + bytes) & Mask;
                }
            }

            foreach (byte[] descriptor in step.Descriptors)
            {
                descriptor.CopyTo(memory.CpuView.Span(Queue + Tail, descriptor.Length));
                Tail = (Tail + (ulong)descriptor.Length) & Mask;
                Descriptors++;
            }

            if (step.Register == VtdRegister.FaultStatus && (Model.Read32(VtdRegister.FaultStatus) & VtdRegister.FaultStatusBits.QueueError) != 0)
            {
                Repair();
            }

            if (step.IsWide)
            {
                Model.Write64(step.Register, step.Value);
            }
            else
            {
                Model.Write32(step.Register, (uint)step.Value);
            }

            bool isStopped = (Model.Read32(VtdRegister.FaultStatus) & VtdRegister.FaultStatusBits.QueueError) != 0;
            foreach (byte[] descriptor in isStopped ? [] : step.Descriptors)
            {
                ShouldBeAnswered(descriptor);
            }
        }

        /// <summary>What Linux did, by its log: the descriptor at the head becomes a copy of the wait behind it.</summary>
        private void Repair()
        {
            Errors++;
            ulong head = Model.Read64(VtdRegister.QueueHead);
            var wrong = Read(memory.CpuView.Span(Queue + head, 32));
            wrong.AddressMask.ShouldBeGreaterThan(Model.Unit.Capability.MaxAddressMask);
            memory.CpuView.Span(Queue + head + 32, 32).CopyTo(memory.CpuView.Span(Queue + head, 32));
        }

        private void ShouldBeAnswered(byte[] bytes)
        {
            var descriptor = Read(bytes);
            if (descriptor.Type == VtdInvalidationType.Wait)
            {
                BinaryPrimitives.ReadUInt32LittleEndian(memory.CpuView.Span(descriptor.StatusAddress, 4)).ShouldBe(descriptor.StatusData);
            }
        }

        private static VtdInvalidationDescriptor Read(ReadOnlySpan<byte> bytes) =>
            new(BinaryPrimitives.ReadUInt64LittleEndian(bytes), BinaryPrimitives.ReadUInt64LittleEndian(bytes[8..]), 0, 0);
    }
}
