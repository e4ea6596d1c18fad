using System.Globalization;
using IommuKit.Specs.Smmu3;

namespace IommuKit.Models.Tests.Smmu3;

/// <summary>The SMMUv3 part of the small vectors: values of public tests of QEMU, as register writes, memory and one write of a device
/// each.</summary>
public sealed class Smmu3SmallVectorTests
{
    [SharedFact]
    public void Sequences_of_registers_and_memory_lead_where_they_should()
    {
        int probes = 0;
        Smmu3Machine? machine = null;
        try
        {
            foreach (string line in File.ReadLines(RepositoryFiles.InShared("vectors", "small-vectors.txt")))
            {
                string[] words = line.Split(' ');
                if (words[0] == "T")
                {
                    machine?.Dispose();
                    machine = words[1] == "smmuv3" ? new Smmu3Machine(Smmu3Unit.Emulated) : null;
                }
                else if (machine is not null && words[0] == "M")
                {
                    Convert.FromHexString(words[2]).CopyTo(machine.Memory.CpuView.Span(Hex(words[1]), words[2].Length / 2));
                }
                else if (machine is not null && words[0] == "W")
                {
                    Write(machine, (uint)Hex(words[1]), words[2], Hex(words[3]));
                }
                else if (machine is not null && words[0] == "X")
                {
                    ulong iova = Hex(words[2]["iova=".Length..]);
                    machine.Write(iova, (uint)Hex(words[1]["sid=".Length..])).ShouldBe(Hex(words[6]["pa=".Length..]), line);
                    probes++;
                }
            }
        }
        finally
        {
            machine?.Dispose();
        }

        probes.ShouldBe(3);
    }

    private static void Write(Smmu3Machine machine, uint offset, string size, ulong value)
    {
        if (size == "8")
        {
            machine.Model.Write64(offset, value);
        }
        else
        {
            machine.Model.Write32(offset, (uint)value);
        }
    }

    private static ulong Hex(string digits) => ulong.Parse(digits, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
}
