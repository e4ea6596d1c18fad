using System.Globalization;
using IommuKit.Models.Vtd;
using IommuKit.Specs.Vtd;

namespace IommuKit.Models.Tests.Vtd;

/// <summary>The VT-d part of the small vectors: values of public tests of QEMU, as register writes, memory and one write of a device each.</summary>
public sealed class VtdSmallVectorTests
{
    [SharedFact]
    public void Sequences_of_registers_and_memory_lead_where_they_should()
    {
        int probes = 0;
        VtdMachine? machine = null;
        try
        {
            foreach (string line in File.ReadLines(RepositoryFiles.InShared("vectors", "small-vectors.txt")))
            {
                string[] words = line.Split(' ');
                if (words[0] == "T")
                {
                    machine?.Dispose();
                    machine = words[1] == "vtd" && words[2] == "legacy" ? new VtdMachine(VtdUnit.Emulated) : null;
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
                    machine.Write(iova, (ushort)Hex(words[1]["sid=".Length..])).ShouldBe(Hex(words[6]["pa=".Length..]), line);
                    probes++;
                }
            }
        }
        finally
        {
            machine?.Dispose();
        }

        probes.ShouldBe(2);
    }

    /// <summary>
    /// Reasons that QEMU 7.2 was seen to record for a device of 39 bits in legacy mode; by the specification, section 7.1.3, they are the same.
    /// </summary>
    [Fact]
    public void Reasons_are_those_that_were_observed()
    {
        using var machine = new VtdMachine(VtdUnit.Emulated);
        ulong root = machine.NewTable();
        machine.SwitchOn();
        machine.Fault(0x1000).ShouldBe((VtdFaultReason)1);
        machine.Store(VtdMachine.Root, VtdMachine.Context | 1).Fault(0x1000).ShouldBe((VtdFaultReason)2);
        machine.Bind(root, width: 1);
        machine.Map(root, 2, 0x1000, 0x5000_0000);
        machine.Map(root, 2, 0x2000, 0x5000_0002);
        machine.Fault(1ul << 39).ShouldBe((VtdFaultReason)4);
        machine.Fault(0x1000, VtdAccess.Write).ShouldBe((VtdFaultReason)5);
        machine.Fault(0x2000).ShouldBe((VtdFaultReason)6);
        machine.Fault(0x4000_0000).ShouldBe((VtdFaultReason)6);
    }

    private static void Write(VtdMachine machine, uint offset, string size, ulong value)
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
