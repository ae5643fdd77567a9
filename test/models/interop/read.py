"""Opens what write.ts wrote with transformers and open_clip, compares the numbers, and writes half-precision files for back.ts."""
import json
import pathlib
import shutil
import sys

import open_clip
import torch
from PIL import Image
from transformers import (AutoProcessor, AutoTokenizer, AutoImageProcessor, CLIPModel, CLIPTextModel, CLIPTextModelWithProjection, CLIPVisionModel,
                          CLIPVisionModelWithProjection, SiglipModel)

root = pathlib.Path(sys.argv[1])
failed = False


def opened(kind, folder):
    """The model, which must take every key of the files and miss none."""
    model, info = kind.from_pretrained(folder, output_loading_info=True)
    for what in ("missing_keys", "unexpected_keys", "mismatched_keys"):
        assert not info[what], f"{folder}: {what} {info[what]}"
    return model.eval()


def outputs(folder, facts):
    images = [Image.open(file).convert("RGB") for file in facts["images"]]
    texts, kind = facts["texts"], facts["kind"]
    if kind == "open_clip":
        model, _, preprocess = open_clip.create_model_and_transforms(f"local-dir:{folder}")
        tokenize = open_clip.get_tokenizer(f"local-dir:{folder}")
        pixels, ids = torch.stack([preprocess(image) for image in images]), tokenize(texts)
        model.eval()
        x, y, scale = model(pixels, ids)[:3]
        return scale * x @ y.T, model, pixels, ids
    if kind in ("CLIPModel", "SiglipModel"):
        model = opened({"CLIPModel": CLIPModel, "SiglipModel": SiglipModel}[kind], folder)
        if kind == "CLIPModel":
            batch = AutoProcessor.from_pretrained(folder)(text=texts, images=images, padding="max_length", return_tensors="pt")
        else:
            batch = {**AutoImageProcessor.from_pretrained(folder)(images, return_tensors="pt")}
            from tokenizers import Tokenizer
            tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
            length = model.config.text_config.max_position_embeddings
            tokenizer.enable_padding(pad_id=1, pad_token="</s>", length=length)
            tokenizer.enable_truncation(length)
            batch["input_ids"] = torch.tensor([tokenizer.encode(text).ids for text in texts])
        return (model(**batch).logits_per_image,)
    classes = {c.__name__: c for c in (CLIPTextModel, CLIPTextModelWithProjection, CLIPVisionModel, CLIPVisionModelWithProjection)}
    model = opened(classes[kind], folder)
    if "Text" in kind:
        out = model(**AutoTokenizer.from_pretrained(folder)(texts, padding="max_length", return_tensors="pt"))
        return (out.text_embeds if "Projection" in kind else out.pooler_output,)
    out = model(**AutoImageProcessor.from_pretrained(folder)(images, return_tensors="pt"))
    return (out.image_embeds if "Projection" in kind else out.pooler_output,)


for file in sorted(root.glob("*/fovea.json")):
    facts, folder = json.loads(file.read_text()), file.parent
    with torch.no_grad():
        got, *rest = outputs(folder, facts)
    want = torch.tensor(facts["values"]).reshape(facts["shape"])
    most = (got - want).abs().max().item()
    print(f"{folder.name} ({facts['kind']}): largest difference {most:.2e} of {want.numel()} numbers up to {want.abs().max().item():.3g}")
    failed |= not most < 1e-4
    if folder.name in ("open-clip-class", "open-clip-resnet"):
        model, pixels, ids = rest
        half = {name: x.half() if x.is_floating_point() else x for name, x in model.state_dict().items()}
        model.load_state_dict(half)  # in float32 again, rounded
        to = root / ("openai-fp16-resnet" if "resnet" in folder.name else "openai-fp16")
        shutil.copytree(folder, to, ignore=shutil.ignore_patterns("*.safetensors", "fovea.json"), dirs_exist_ok=True)
        torch.save(half, to / "open_clip_pytorch_model.bin")
        with torch.no_grad():
            x, y, scale = model(pixels, ids)[:3]
        (to / "torch.json").write_text(json.dumps({
            "pixels": pixels.flatten().tolist(), "pixelShape": list(pixels.shape), "ids": ids.flatten().tolist(),
            "shape": list(ids.shape), "values": (scale * x @ y.T).flatten().tolist()}))
sys.exit(failed)
