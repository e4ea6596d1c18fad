using System.Text;
using IommuKit.Traces.Faults;

namespace IommuKit.Traces.Tests.Faults;

/// <summary>The bits of FSR and FSYNR0, as Arm's specification numbers them.</summary>
public class SmmuV2MessageTests
{
    [Theory]
    [InlineData(0x2u, "there is no entry for the IOVA", FaultEvidence.Absent)]
    [InlineData(0x4u, "there is an entry, with its access flag clear", FaultEvidence.None)]
    [InlineData(0x8u, "there is an entry, and it does not allow the access", FaultEvidence.Permission)]
    [InlineData(0x10u, "a table, or what it maps to, cannot be read", FaultEvidence.None)]
    [InlineData(0x20u, "the TLB holds two translations for the IOVA", FaultEvidence.None)]
    [InlineData(0x1u, "the context does not let the access through", FaultEvidence.None)]
    [InlineData(0x40u, "the context does not let the access through", FaultEvidence.None)]
    [InlineData(0x8000_0400u, "the context does not let the access through", FaultEvidence.None)]
    public void Each_bit_of_the_status_has_its_reason(uint status, string reason, FaultEvidence evidence)
    {
        var fault = Decode($"fsr=0x{status:x}, iova=0x1000, fsynr=0x11, cb=2");
        (fault.Reason, fault.Evidence, fault.ReasonCode).ShouldBe((reason, evidence, status));
    }

    [Theory]
    [InlineData(0x10u, FaultDirection.Write)]
    [InlineData(0xffff_ffffu, FaultDirection.Write)]
    [InlineData(0u, FaultDirection.Read)]
    [InlineData(0xffff_ffefu, FaultDirection.Read)]
    public void One_bit_of_the_syndrome_is_the_direction(uint syndrome, FaultDirection direction) =>
        Decode($"fsr=0x402, iova=0x1000, fsynr=0x{syndrome:x}, cb=2").Direction.ShouldBe(direction);

    private static LoggedFault Decode(string text) => KernelLogReader
        .Read(new MemoryStream(Encoding.Latin1.GetBytes($"arm-smmu 5000000.iommu: Unhandled context fault: {text}\n")), "log", "log")
        .Faults.ShouldHaveSingleItem();
}
